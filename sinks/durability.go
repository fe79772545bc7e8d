package sinks

// Durability is what a sink does so that a file outlasts a crash of the system.
type Durability int

const (
	DurabilityData Durability = iota // the file and its folder are synced (fsync)
	DurabilityNone                   // nothing: after a crash, the file may be empty or torn
	DurabilityFull                   // the drive is told to empty its cache as well, where fsync does not do that: on macOS
)
