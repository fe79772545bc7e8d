package tus

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// Names of the protocol (tus.io/protocols/resumable-upload), for both of its sides.
const (
	Version                = "1.0.0"
	ContentType            = "application/offset+octet-stream" // of a PATCH
	StatusChecksumMismatch = 460                               // of the extension checksum
)

// Checksums are the algorithms of the extension checksum that both sides know. They must not be
// changed.
var Checksums = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}
