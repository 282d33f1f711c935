// A client in Go, for a test: what KES's SDK and its users do with Go's HTTP and TLS.
//
//	go-client keys PREFIX
//	go-client follow KEY
//
// Both take KES_SERVER, KES_API_KEY and SSL_CERT_FILE from the environment, and speak HTTP/1.1 with HTTP1=1. `follow` also takes
// KES_ADMIN_API_KEY, of who may read the log.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: go-client keys PREFIX | follow KEY")
	}
	make := func(variable string) (*client, error) {
		return newClient(os.Getenv("KES_SERVER"), os.Getenv(variable), os.Getenv("HTTP1") == "1")
	}
	c, err := make("KES_API_KEY")
	if err != nil {
		return err
	}
	switch os.Args[1] {
	case "keys":
		return tryKeys(c, os.Args[2])
	case "follow":
		admin, err := make("KES_ADMIN_API_KEY")
		if err != nil {
			return err
		}
		return follow(admin, c, os.Args[2])
	default:
		return errors.New("usage: go-client keys PREFIX | follow KEY")
	}
}
