package pipeline

// ending is how something ended: a node, a branch that may fail, or the nodes of a nested run.
type ending struct {
	err     error // what it returned; of several nodes, the first failure
	crashed bool  // err is a panic or a runtime.Goexit
	hidden  error // a failure that the run function must not hide: of a nested node, or a misuse of a port
	left    bool  // it has input that it has not read
	short   error // a promised size was not delivered
	stopped bool  // its context had ended before: nothing reads its output
	before  error // why everything around it had ended before; nil: it had not
}

// blame is what follows from an ending.
type blame int

const (
	endedWell  blame = iota
	overtaken        // something else has decided already how the run ends
	failed           // the run, or the branch, fails
	failsEvery       // the run fails, and no policy forgives it
)

// verdict decides who has failed, and returns the failure, or in the case of overtaken what came first.
func (e ending) verdict() (blame, error) {
	switch {
	case e.crashed:
		return failsEvery, e.err
	case e.before != nil:
		return overtaken, e.before
	case e.stopped: // what it returns no longer matters
		return endedWell, nil
	case e.hidden != nil:
		return failed, e.hidden
	case e.err != nil && e.err != Enough: //nolint:errorlint // as fs.SkipAll: a wrapped one is a failure
		return failed, e.err
	case e.err == nil && e.left:
		return failed, ErrInputLeft
	case e.short != nil:
		return failed, e.short
	}
	return endedWell, nil
}
