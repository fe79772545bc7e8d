// Pipe-demo moves bytes through a flow, with progress, integrity and clean endings. Its help says what it can do:
//
//	go run ./cmd/pipe-demo help
package main

import "os"

func main() { os.Exit(main1(os.Args[1:], os.Exit)) }
