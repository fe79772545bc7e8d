// Package tus uploads streams with the resumable protocol tus 1.0: over broken connections, restarts of
// the server, and several runs. Servers are tusd, and httpflow.Receiver in this module.
package tus
