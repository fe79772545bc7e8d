//go:build cgo && unix

package cli

/*
#include <fcntl.h>
#include <signal.h>

static int term_ignored, opened[3];

// Runs before the Go runtime, which catches SIGTERM and opens /dev/null for closed descriptors.
__attribute__((constructor)) static void look(void) {
	struct sigaction a;
	term_ignored = sigaction(SIGTERM, NULL, &a) == 0 && a.sa_handler == SIG_IGN;
	for (int fd = 0; fd < 3; fd++)
		opened[fd] = fcntl(fd, F_GETFD) != -1;
}

static int was_term_ignored(void) { return term_ignored; }
static int was_open(int fd) { return opened[fd]; }
*/
import "C"

import "github.com/weirflow/weir/internal/ioctx"

// termIgnored reports whether SIGTERM was ignored when the process started.
func termIgnored() bool { return C.was_term_ignored() != 0 }

// stdoutClosed reports whether standard output was closed when the process started.
func stdoutClosed() bool { return C.was_open(1) == 0 }

func init() {
	for fd := range 3 {
		if C.was_open(C.int(fd)) != 0 {
			ioctx.OpenAtStart(fd)
		}
	}
}
