// Package storage has the names of the client of Google Cloud Storage that the Temporal server mentions, and a client
// that cannot be made. See README.md one folder above.
package storage

import (
	"context"
	"errors"

	"google.golang.org/api/option"
)

var errNotBuiltIn = errors.New("the client of Google Cloud Storage is not built in: use the published temporal program")

const ScopeFullControl = "https://www.googleapis.com/auth/devstorage.full_control"

// As in the original, so that an archiver tells them apart in the same way.
var (
	ErrBucketNotExist = errors.New("storage: bucket doesn't exist")
	ErrObjectNotExist = errors.New("storage: object doesn't exist")
)

type (
	Query          struct{ Prefix string }
	BucketAttrs    struct{}
	ObjectAttrs    struct{ Name string }
	Client         struct{}
	BucketHandle   struct{}
	ObjectHandle   struct{}
	ObjectIterator struct{}
	Writer         struct{}
	Reader         struct{}
)

func NewClient(context.Context, ...option.ClientOption) (*Client, error) { return nil, errNotBuiltIn }

func (*Client) Bucket(string) *BucketHandle { return &BucketHandle{} }

func (*BucketHandle) Object(string) *ObjectHandle { return &ObjectHandle{} }

func (*BucketHandle) Objects(context.Context, *Query) *ObjectIterator { return &ObjectIterator{} }

func (*BucketHandle) Attrs(context.Context) (*BucketAttrs, error) { return nil, errNotBuiltIn }

func (*ObjectHandle) NewWriter(context.Context) *Writer { return &Writer{} }

func (*ObjectHandle) NewReader(context.Context) (*Reader, error) { return nil, errNotBuiltIn }

func (*ObjectHandle) Attrs(context.Context) (*ObjectAttrs, error) { return nil, errNotBuiltIn }

func (*ObjectIterator) Next() (*ObjectAttrs, error) { return nil, errNotBuiltIn }

func (*Writer) Write([]byte) (int, error) { return 0, errNotBuiltIn }

func (*Writer) Close() error { return errNotBuiltIn }

func (*Writer) CloseWithError(err error) error { return err }

func (*Reader) Read([]byte) (int, error) { return 0, errNotBuiltIn }

func (*Reader) Close() error { return nil }
