// Package transfer has what downloads, uploads and servers have in common: the errors by which a
// program tells why a transfer failed, limits on slow peers, and retries. It transfers nothing itself;
// package sources, package sinks, package tus and package httpflow do.
//
// The errors are pointers, found with errors.As. A transfer that fails because of the network, of a
// server's temporary trouble or of a limit on waiting is a [*NetworkError] around the cause; the
// others say that a retry would not help.
package transfer
