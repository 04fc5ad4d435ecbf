// Package option has the one option that the Temporal server gives to a client of Google Cloud.
package option

import "golang.org/x/oauth2"

type ClientOption interface{}

func WithTokenSource(oauth2.TokenSource) ClientOption { return nil }
