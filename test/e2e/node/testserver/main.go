// testserver is the application of the journeys on a real node: it serves a version, fails, dawdles and dies as told.
//
//	testserver         the application itself, see serve.go
//	testserver load    measures an URL and prints what came back as JSON, see load.go
//	testserver tell    says and answers what it is told to, for commands in pods, see tell.go
//	testserver targets tells Prometheus which pods to scrape, see targets.go
package main

import (
	"fmt"
	"os"
)

func main() {
	command, args := "serve", os.Args[1:]
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "serve":
		err = serve()
	case "load":
		err = load(args)
	case "tell":
		var code int
		if code, err = tell(args); err == nil {
			os.Exit(code)
		}
	case "targets":
		err = targets(args)
	default:
		err = fmt.Errorf("unknown command %q", command)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		os.Exit(1)
	}
}
