// Uploads, downloads, presigned URLs and other requests with minio-go, for ../run.py and ../presigned.py:
//
//	minio-sender MODE put KEY=FILE ...
//	minio-sender MODE get KEY=FILE ...
//	minio-sender MODE stream KEY                  from standard input, whose length is not known
//	minio-sender MODE operate KEY=OPERATION       one of `operations`, with objects below KEY
//	minio-sender MODE presign-put|presign-get|presign-head KEY    prints the URL
//	minio-sender MODE presign-part KEY=UPLOAD_ID                  for part 1
//	minio-sender MODE presign-post KEY                            prints {"url": URL, "fields": {NAME: VALUE ...}}
//
// MODE is one of `modes`, the settings of a client and its uploads. The endpoint and the key stand in ENDPOINT, REGION, BUCKET,
// ACCESS_KEY, SECRET_KEY; CA names the file of the authority. Built in GOPATH mode from Debian's
// golang-github-minio-minio-go-v7-dev.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const partSize = 5 << 20

// mode is a way to configure a client or its uploads that changes what it sends.
type mode struct {
	options minio.PutObjectOptions
	// Bodies end in a checksum: what a client has to ask for before 7.0.47, and later ones do by themselves.
	trailers bool
	// Bodies are read once, from front to end, though their length is known.
	pipe bool
}

var modes = map[string]mode{
	"minio-go":          {},
	"minio-go-trailers": {trailers: true},
	"minio-go-md5":      {options: minio.PutObjectOptions{SendContentMd5: true}},
	"minio-go-unsigned": {options: minio.PutObjectOptions{DisableContentSha256: true}},
	// Parts of a body that cannot be read twice carry their checksum in a header.
	"minio-go-pipe":     {pipe: true},
	"minio-go-parallel": {pipe: true, options: minio.PutObjectOptions{ConcurrentStreamParts: true, NumThreads: 3}},
}

// sender is one client and where it sends to.
type sender struct {
	mode
	endpoint, bucket string
	credentials      credentials.Value
	region           string
	transport        *http.Transport
	*minio.Client
}

func main() {
	// One attempt: a retry would hide what this is to find.
	minio.MaxRetry = 1
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string) error {
	if len(words) < 3 {
		return errors.New("MODE OPERATION KEY=FILE ... expected")
	}
	mode, known := modes[words[0]]
	if !known {
		return fmt.Errorf("no mode %q", words[0])
	}
	s, err := newSender(mode, os.Getenv("REGION"))
	if err != nil {
		return err
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		if err := s.do(ctx, words[1], key, value); err != nil {
			return err
		}
	}
	return nil
}

// newSender: without a region the client asks for the bucket's.
func newSender(m mode, region string) (*sender, error) {
	endpoint, err := url.Parse(os.Getenv("ENDPOINT"))
	if err != nil {
		return nil, err
	}
	secure := endpoint.Scheme == "https"
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	if secure {
		pem, err := os.ReadFile(os.Getenv("CA"))
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("CA holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	key := credentials.NewStaticV4(os.Getenv("ACCESS_KEY"), os.Getenv("SECRET_KEY"), "")
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:           key,
		Secure:          secure,
		Transport:       transport,
		Region:          region,
		BucketLookup:    minio.BucketLookupPath,
		TrailingHeaders: m.trailers,
	})
	if err != nil {
		return nil, err
	}
	value, err := key.Get()
	m.options.PartSize = partSize
	if m.options.NumThreads == 0 {
		m.options.NumThreads = 2
	}
	return &sender{m, endpoint.String(), os.Getenv("BUCKET"), value, region, transport, client}, err
}

func (s *sender) do(ctx context.Context, operation, key, value string) error {
	switch operation {
	case "put":
		return s.put(ctx, key, value)
	case "get":
		return s.FGetObject(ctx, s.bucket, key, value, minio.GetObjectOptions{})
	case "stream":
		_, err := s.PutObject(ctx, s.bucket, key, onlyReader{os.Stdin}, -1, s.options)
		return err
	case "operate":
		action, known := operations[value]
		if !known {
			return fmt.Errorf("no operation %q", value)
		}
		return action(ctx, s, key)
	}
	if operation == "presign-post" {
		return s.printForm(ctx, key)
	}
	address, err := s.presigned(ctx, operation, key, value)
	if err == nil {
		fmt.Println(address)
	}
	return err
}

func (s *sender) printForm(ctx context.Context, key string) error {
	policy := minio.NewPostPolicy()
	if err := policy.SetBucket(s.bucket); err != nil {
		return err
	}
	if err := policy.SetKey(key); err != nil {
		return err
	}
	if err := policy.SetExpires(time.Now().UTC().Add(10 * time.Minute)); err != nil {
		return err
	}
	address, fields, err := s.PresignedPostPolicy(ctx, policy)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"url": address.String(), "fields": fields})
}

// onlyReader hides that a file can be read at any place.
type onlyReader struct{ io.Reader }

func (s *sender) put(ctx context.Context, key, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	status, err := file.Stat()
	if err != nil {
		return err
	}
	// Of no bytes both readers make a body without a length, which is no request; later versions leave the trailer out.
	if s.trailers && status.Size() > 0 && status.Size() < partSize {
		return s.putWithTrailer(ctx, key, file)
	}
	var body io.Reader = file
	if s.pipe {
		body = onlyReader{file}
	}
	_, err = s.PutObject(ctx, s.bucket, key, body, status.Size(), s.options)
	return err
}

func (s *sender) presigned(ctx context.Context, form, key, id string) (*url.URL, error) {
	const expires = 10 * time.Minute
	switch form {
	case "presign-put":
		return s.PresignedPutObject(ctx, s.bucket, key, expires)
	case "presign-get":
		return s.PresignedGetObject(ctx, s.bucket, key, expires, nil)
	case "presign-head":
		return s.PresignedHeadObject(ctx, s.bucket, key, expires, nil)
	case "presign-part":
		query := url.Values{"partNumber": {"1"}, "uploadId": {id}}
		return s.Presign(ctx, http.MethodPut, s.bucket, key, expires, query)
	}
	return nil, fmt.Errorf("no operation %q", form)
}
