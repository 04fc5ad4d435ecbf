// Package awserr has the error types by which the Temporal server tells answers of AWS apart.
package awserr

type Error interface {
	error
	Code() string
	Message() string
	OrigErr() error
}

type RequestFailure interface {
	Error
	StatusCode() int
	RequestID() string
}
