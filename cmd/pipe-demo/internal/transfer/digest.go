package transfer

import (
	"bytes"
	"crypto/sha256"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

// checkDigest is a stage that passes a stream on and fails at its end if the digest is another one.
func checkDigest(want cli.SHA256) pipeline.Stage {
	return stages.Hash(sha256.New, func(sum []byte) error {
		if !bytes.Equal(sum, want) {
			return &transfer.DigestError{Algorithm: "sha-256", Want: want, Got: sum}
		}
		return nil
	})
}
