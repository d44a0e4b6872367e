//! What `../../../drivers/own.py` asks of a client, with the AWS SDK for Rust:
//!
//! ```text
//! sdk-client put KEY FILE [NAME VALUE]         with that metadata
//! sdk-client get KEY FILE [RANGE]
//! sdk-client multipart KEY FILE
//! sdk-client head KEY                          prints the size, then each NAME=VALUE
//! sdk-client list PREFIX                       prints one name a line
//! sdk-client buckets                           likewise
//! sdk-client copy SOURCE KEY                   SOURCE is BUCKET/KEY, percent-encoded
//! sdk-client delete KEY
//! sdk-client delete-many KEY ...
//! sdk-client put-tag KEY NAME VALUE
//! sdk-client tags KEY                          prints each NAME=VALUE
//! sdk-client presign-get|presign-put KEY       prints the URL
//! ```

use std::env::{args, var};
use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier, Tag, Tagging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    // What the server said stands behind the error, not in it.
    operate().await.map_err(|error| DisplayErrorContext(&*error).to_string())
}

async fn operate() -> Result<(), Box<dyn Error>> {
    let (client, bucket) = (sdk_sender::client()?, var("BUCKET")?);
    let words: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["put", key, file, ref metadata @ ..] => {
            let body = ByteStream::from_path(file).await?;
            let mut put = client.put_object().bucket(bucket).key(key).body(body);
            if let [name, value] = *metadata {
                put = put.metadata(name, value);
            }
            put.send().await?;
        }
        ["get", key, file, ref range @ ..] => {
            let get = client.get_object().bucket(bucket).key(key);
            let get = get.set_range(range.first().map(|&range| range.to_owned()));
            let answer = get.send().await?;
            tokio::fs::write(file, answer.body.collect().await?.into_bytes()).await?;
        }
        ["multipart", key, file] => sdk_sender::multipart(&client, &bucket, key, file).await?,
        ["head", key] => {
            let answer = client.head_object().bucket(bucket).key(key).send().await?;
            println!("{}", answer.content_length().ok_or("no length")?);
            for (name, value) in answer.metadata().into_iter().flatten() {
                println!("{name}={value}");
            }
        }
        ["list", prefix] => {
            // Pages of two: the continuation token, with whatever bytes it has, becomes part of a signed query.
            let list = client.list_objects_v2().bucket(&bucket).prefix(prefix);
            let mut pages = list.into_paginator().page_size(2).send();
            while let Some(page) = pages.next().await {
                let page = page?;
                if page.name() != Some(&bucket) {
                    return Err(format!("the list is of {:?}", page.name()).into());
                }
                page.contents().iter().filter_map(|object| object.key()).for_each(print);
            }
        }
        ["buckets"] => {
            let answer = client.list_buckets().send().await?;
            answer.buckets().iter().filter_map(|bucket| bucket.name()).for_each(print);
        }
        ["copy", source, key] => {
            client.copy_object().bucket(bucket).key(key).copy_source(source).send().await?;
        }
        ["delete", key] => {
            client.delete_object().bucket(bucket).key(key).send().await?;
        }
        ["delete-many", ref keys @ ..] => {
            let object = |key: &&str| ObjectIdentifier::builder().key(*key).build();
            let objects = keys.iter().map(object).collect::<Result<_, _>>()?;
            let delete = Delete::builder().set_objects(Some(objects)).build()?;
            let answer = client.delete_objects().bucket(bucket).delete(delete).send().await?;
            if !answer.errors().is_empty() {
                return Err(format!("{:?}", answer.errors()).into());
            }
        }
        ["put-tag", key, name, value] => {
            let tag = Tag::builder().key(name).value(value).build()?;
            let tagging = Tagging::builder().tag_set(tag).build()?;
            client.put_object_tagging().bucket(bucket).key(key).tagging(tagging).send().await?;
        }
        ["tags", key] => {
            let answer = client.get_object_tagging().bucket(bucket).key(key).send().await?;
            answer.tag_set().iter().for_each(|tag| println!("{}={}", tag.key(), tag.value()));
        }
        ["presign-get", key] => {
            let request =
                client.get_object().bucket(bucket).key(key).presigned(lifetime()?).await?;
            println!("{}", request.uri());
        }
        ["presign-put", key] => {
            let request =
                client.put_object().bucket(bucket).key(key).presigned(lifetime()?).await?;
            println!("{}", request.uri());
        }
        _ => return Err("see the head of sdk-client.rs".into()),
    }
    Ok(())
}

fn lifetime() -> Result<PresigningConfig, Box<dyn Error>> {
    Ok(PresigningConfig::expires_in(Duration::from_secs(600))?)
}

fn print(name: &str) {
    println!("{name}");
}
