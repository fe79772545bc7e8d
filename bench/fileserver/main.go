// Fileserver serves a directory with net/http's FileServer, for bench to measure.
//
//	fileserver 127.0.0.1:8080 DIRECTORY
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("fileserver: want an address and a directory")
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.FileServer(http.Dir(os.Args[2]))))
}
