// Package request has what the Temporal server asks about an error of AWS. Without AWS there is none.
package request

func IsErrorRetryable(error) bool { return false }

func IsErrorThrottle(error) bool { return false }

// Option alters one request.
type Option func()
