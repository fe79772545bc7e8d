//go:build !unix || aix

package fileid

import (
	"os"
	"time"
)

// tick is that of the clock of Windows, with a margin.
const tick = 16 * time.Millisecond

func clock() Time { return TimeOf(time.Now()) }

func pause() { time.Sleep(time.Millisecond) }

func changesOf(*os.File) changes { return local }
