package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// putWithTrailer is PutObject with a trailing checksum, as minio-go 7.0.47 and later send it: 7.0.46 has the framing and both
// signatures, in its signer package, but uses them for the parts of a multipart upload only.
func (s *sender) putWithTrailer(ctx context.Context, key string, reader io.Reader) error {
	body, err := io.ReadAll(reader)
	if err != nil {
		return err
	}
	target := s.endpoint + "/" + s.bucket + "/" + key
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, _ = sum.Write(body)
	trailer := http.Header{"X-Amz-Checksum-Crc32c": {base64.StdEncoding.EncodeToString(sum.Sum(nil))}}
	if strings.HasPrefix(s.endpoint, "https:") {
		request.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
		request = signer.SignV4Trailer(*request, s.credentials.AccessKeyID, s.credentials.SecretAccessKey, "", s.region, trailer)
	} else {
		request.Trailer = trailer
		request = signer.StreamingSignV4(request, s.credentials.AccessKeyID, s.credentials.SecretAccessKey, "", s.region,
			int64(len(body)), time.Now().UTC())
	}
	answer, err := (&http.Client{Transport: s.transport}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}
