// Package s3 has the requests of S3 that the Temporal server writes, and a client that refuses each.
package s3

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/aws/session"
)

const (
	ErrCodeNoSuchBucket = "NoSuchBucket"
	ErrCodeNoSuchKey    = "NoSuchKey"
)

type (
	HeadBucketInput  struct{ Bucket *string }
	HeadBucketOutput struct{}
	HeadObjectInput  struct{ Bucket, Key *string }
	HeadObjectOutput struct{}
	GetObjectInput   struct{ Bucket, Key *string }
	GetObjectOutput  struct{ Body io.ReadCloser }
	PutObjectOutput  struct{}
	Object           struct{ Key *string }
	CommonPrefix     struct{ Prefix *string }
	PutObjectInput   struct {
		Bucket, Key *string
		Body        io.ReadSeeker
	}
	ListObjectsV2Input struct {
		Bucket, Prefix, Delimiter, ContinuationToken, StartAfter *string
		MaxKeys                                                  *int64
	}
	ListObjectsV2Output struct {
		Contents              []*Object
		CommonPrefixes        []*CommonPrefix
		IsTruncated           *bool
		NextContinuationToken *string
	}
)

type S3 struct{}

func New(*session.Session) *S3 { return &S3{} }

func (*S3) HeadBucketWithContext(context.Context, *HeadBucketInput, ...request.Option) (*HeadBucketOutput, error) {
	return nil, aws.ErrNotBuiltIn
}

func (*S3) HeadObjectWithContext(context.Context, *HeadObjectInput, ...request.Option) (*HeadObjectOutput, error) {
	return nil, aws.ErrNotBuiltIn
}

func (*S3) GetObjectWithContext(context.Context, *GetObjectInput, ...request.Option) (*GetObjectOutput, error) {
	return nil, aws.ErrNotBuiltIn
}

func (*S3) PutObjectWithContext(context.Context, *PutObjectInput, ...request.Option) (*PutObjectOutput, error) {
	return nil, aws.ErrNotBuiltIn
}

func (*S3) ListObjectsV2WithContext(
	context.Context, *ListObjectsV2Input, ...request.Option,
) (*ListObjectsV2Output, error) {
	return nil, aws.ErrNotBuiltIn
}
