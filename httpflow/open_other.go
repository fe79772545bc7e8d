//go:build !unix

package httpflow

const nonblock = 0
