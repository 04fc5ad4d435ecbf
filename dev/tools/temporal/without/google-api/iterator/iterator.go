// Package iterator has the error that ends an iteration.
package iterator

import "errors"

var Done = errors.New("no more items in iterator")
