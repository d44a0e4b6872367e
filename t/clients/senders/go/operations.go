package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/minio/minio-go/v7"
)

// operations are what the client does beside PUT and GET; each makes its objects below a prefix and compares what comes back.
var operations = map[string]func(context.Context, *sender, string) error{
	"abort":    abort,
	"compose":  compose,
	"copy":     copyObject,
	"list":     list,
	"lookup":   lookup,
	"metadata": metadata,
	"range":    byteRange,
	"remove":   remove,
}

// names are keys whose every byte that has a meaning in URLs goes into paths, queries, headers and documents.
var names = []string{"plain", "a b", "a+b", "a%2Fb", "a=b&c", "ä/ö", "quote\"'", "semi;colon,comma", "~tilde*(x)!"}

// data is of a length of its own for each name.
func data(name string) []byte {
	return bytes.Repeat([]byte(name+"\n"), 7000+len(name))
}

func (s *sender) putData(ctx context.Context, key, name string) error {
	content := data(name)
	_, err := s.PutObject(ctx, s.bucket, key, bytes.NewReader(content), int64(len(content)), s.options)
	return err
}

func (s *sender) compare(ctx context.Context, key string, wanted []byte, options minio.GetObjectOptions) error {
	object, err := s.GetObject(ctx, s.bucket, key, options)
	if err != nil {
		return err
	}
	defer object.Close()
	found, err := io.ReadAll(object)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if !bytes.Equal(found, wanted) {
		return fmt.Errorf("%s: %d bytes came back, %d or others were sent", key, len(found), len(wanted))
	}
	return nil
}

// putNames stores an object for each of the names and returns their keys, sorted.
func (s *sender) putNames(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	for _, name := range names {
		key := prefix + "/" + name
		if err := s.putData(ctx, key, name); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys, nil
}

func (s *sender) list(ctx context.Context, options minio.ListObjectsOptions) ([]string, error) {
	var keys []string
	for object := range s.ListObjects(ctx, s.bucket, options) {
		if object.Err != nil {
			return nil, object.Err
		}
		keys = append(keys, object.Key)
	}
	sort.Strings(keys)
	return keys, nil
}

// list: both versions of the request, in pages of two.
func list(ctx context.Context, s *sender, prefix string) error {
	wanted, err := s.putNames(ctx, prefix)
	if err != nil {
		return err
	}
	for _, old := range []bool{false, true} {
		options := minio.ListObjectsOptions{Prefix: prefix + "/", Recursive: true, UseV1: old, MaxKeys: 2}
		found, err := s.list(ctx, options)
		if err != nil {
			return err
		}
		if strings.Join(found, "\n") != strings.Join(wanted, "\n") {
			return fmt.Errorf("%q listed, %q wanted", found, wanted)
		}
	}
	for _, name := range names {
		if err := s.compare(ctx, prefix+"/"+name, data(name), minio.GetObjectOptions{}); err != nil {
			return err
		}
	}
	_, err = s.ListBuckets(ctx)
	return err
}

// remove: one request for many objects, then one for one.
func remove(ctx context.Context, s *sender, prefix string) error {
	keys, err := s.putNames(ctx, prefix)
	if err != nil {
		return err
	}
	objects := make(chan minio.ObjectInfo, len(keys))
	for _, key := range keys[1:] {
		objects <- minio.ObjectInfo{Key: key}
	}
	close(objects)
	for failed := range s.RemoveObjects(ctx, s.bucket, objects, minio.RemoveObjectsOptions{}) {
		return failed.Err
	}
	left, err := s.list(ctx, minio.ListObjectsOptions{Prefix: prefix + "/", Recursive: true})
	if err != nil {
		return err
	}
	if len(left) != 1 || left[0] != keys[0] {
		return fmt.Errorf("left: %q", left)
	}
	if err := s.RemoveObject(ctx, s.bucket, keys[0], minio.RemoveObjectOptions{}); err != nil {
		return err
	}
	_, err = s.StatObject(ctx, s.bucket, keys[0], minio.StatObjectOptions{})
	if code := minio.ToErrorResponse(err).Code; code != "NoSuchKey" {
		return fmt.Errorf("of an object that was removed comes %q instead of NoSuchKey", code)
	}
	return nil
}

func copyObject(ctx context.Context, s *sender, prefix string) error {
	for _, name := range names {
		from, to := prefix+"/from/"+name, prefix+"/to/"+name
		if err := s.putData(ctx, from, name); err != nil {
			return err
		}
		source := minio.CopySrcOptions{Bucket: s.bucket, Object: from}
		if _, err := s.CopyObject(ctx, minio.CopyDestOptions{Bucket: s.bucket, Object: to}, source); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := s.compare(ctx, to, data(name), minio.GetObjectOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// compose: parts of an upload that are copied from other objects.
func compose(ctx context.Context, s *sender, prefix string) error {
	var wanted []byte
	var sources []minio.CopySrcOptions
	for index, size := range []int{partSize, 1000} {
		key := fmt.Sprintf("%s/%d+ %%", prefix, index)
		content := bytes.Repeat([]byte{byte('a' + index)}, size)
		if _, err := s.PutObject(ctx, s.bucket, key, bytes.NewReader(content), int64(size), s.options); err != nil {
			return err
		}
		wanted = append(wanted, content...)
		sources = append(sources, minio.CopySrcOptions{Bucket: s.bucket, Object: key})
	}
	key := prefix + "/whole"
	if _, err := s.ComposeObject(ctx, minio.CopyDestOptions{Bucket: s.bucket, Object: key}, sources...); err != nil {
		return err
	}
	return s.compare(ctx, key, wanted, minio.GetObjectOptions{})
}

// abort: an upload in parts that is looked at and given up.
func abort(ctx context.Context, s *sender, prefix string) error {
	core, key := minio.Core{Client: s.Client}, prefix+"/given up"
	id, err := core.NewMultipartUpload(ctx, s.bucket, key, s.options)
	if err != nil {
		return err
	}
	content := data("part")
	part, err := core.PutObjectPart(ctx, s.bucket, key, id, 1, bytes.NewReader(content), int64(len(content)), "", "", nil)
	if err != nil {
		return err
	}
	parts, err := core.ListObjectParts(ctx, s.bucket, key, id, 0, 10)
	if err != nil {
		return err
	}
	if len(parts.ObjectParts) != 1 || parts.ObjectParts[0].Size != int64(len(content)) || part.PartNumber != 1 {
		return fmt.Errorf("parts: %+v", parts.ObjectParts)
	}
	return core.AbortMultipartUpload(ctx, s.bucket, key, id)
}

// lookup: a client that was told no region asks for the bucket's, signing for us-east-1, and signs for that from then on.
func lookup(ctx context.Context, told *sender, prefix string) error {
	s, err := newSender(told.mode, "")
	if err != nil {
		return err
	}
	region, err := s.GetBucketLocation(ctx, s.bucket)
	if err != nil {
		return err
	}
	if found, err := s.BucketExists(ctx, s.bucket); err != nil {
		return err
	} else if !found {
		return fmt.Errorf("region %s: no bucket", region)
	}
	if err := s.putData(ctx, prefix+"/object", region); err != nil {
		return err
	}
	return s.compare(ctx, prefix+"/object", data(region), minio.GetObjectOptions{})
}

func metadata(ctx context.Context, s *sender, prefix string) error {
	options, content := s.options, data("metadata")
	options.ContentType, options.CacheControl = "text/plain; charset=utf-8", "max-age=60,  public"
	options.UserMetadata = map[string]string{"Blanks": "a  b"}
	key := prefix + "/object"
	if _, err := s.PutObject(ctx, s.bucket, key, bytes.NewReader(content), int64(len(content)), options); err != nil {
		return err
	}
	found, err := s.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return err
	}
	if found.Size != int64(len(content)) || found.ContentType != options.ContentType ||
		found.UserMetadata["Blanks"] == "" {
		return fmt.Errorf("what it says: %+v", found)
	}
	return s.compare(ctx, key, content, minio.GetObjectOptions{})
}

func byteRange(ctx context.Context, s *sender, prefix string) error {
	key, content := prefix+"/object", data("range")
	if err := s.putData(ctx, key, "range"); err != nil {
		return err
	}
	options := minio.GetObjectOptions{}
	if err := options.SetRange(1000, 1999); err != nil {
		return err
	}
	return s.compare(ctx, key, content[1000:2000], options)
}
