package pipetest

import (
	"maps"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// steady is how often in a row all goroutines must be seen waiting at the same places. A system call that returns soon looks
// like one that waits.
const steady = 5

// untilBlocked waits until every other goroutine waits for something: the runtime says so of each, again and again. Then
// what is about to happen meets a node that blocks, and not one that is still on its way there.
func (c *checker) untilBlocked(t testing.TB, what string) {
	t.Helper()
	var places map[string]string
	seen := 0
	if !eventually(patience, func() bool {
		now, ok := waiting()
		if !ok || !maps.Equal(now, places) {
			places, seen = now, 0
			return false
		}
		seen++
		return seen == steady
	}) {
		t.Errorf("%s: the flow never blocked in %v; goroutines:\n\n%s", what, patience, stacks())
	}
}

// running are the states of goroutines that do not wait.
var running = regexp.MustCompile(`^goroutine \d+ .*\[(running|runnable|copystack|preempted)`)

// waiting returns where the goroutines but the caller's wait, and false if one of them does not.
func waiting() (places map[string]string, ok bool) {
	var own [64]byte
	self, _, _ := strings.Cut(strings.TrimPrefix(string(own[:runtime.Stack(own[:], false)]), "goroutine "), " ")
	places = make(map[string]string)
	for id, stack := range goroutines() {
		if id == self {
			continue
		}
		if running.MatchString(stack) {
			return nil, false
		}
		_, places[id], _ = strings.Cut(stack, "\n") // without the state, which has a time
	}
	return places, true
}
