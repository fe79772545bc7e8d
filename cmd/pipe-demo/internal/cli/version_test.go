package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersionOf(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	checkout := []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef0123"), setting("vcs.time", "2026-11-25T18:30:00Z")}
	for _, test := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{}, "(devel)"},
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: append(checkout, setting("vcs.modified", "false"))}, "(devel) (commit 0123456789ab, 2026-11-25T18:30:00Z)"},
		{debug.BuildInfo{Settings: append(checkout, setting("vcs.modified", "true"))}, "(devel) (commit 0123456789ab, modified, 2026-11-25T18:30:00Z)"},
	} {
		if got := versionOf(&test.info); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
