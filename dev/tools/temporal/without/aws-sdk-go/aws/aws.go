// Package aws has the names of the AWS SDK that the Temporal server mentions. See README.md two folders above.
package aws

import "errors"

// ErrNotBuiltIn is what everything that would reach AWS returns.
var ErrNotBuiltIn = errors.New("the AWS SDK is not built in: use the published temporal program")

type LogLevelType uint

type Config struct {
	Endpoint         *string
	Region           *string
	S3ForcePathStyle *bool
	LogLevel         *LogLevelType
}

func String(value string) *string { return &value }

func Bool(value bool) *bool { return &value }

func Int64(value int64) *int64 { return &value }
