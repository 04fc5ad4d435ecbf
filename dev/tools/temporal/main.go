// A Temporal development server and nothing else: the server, SQLite and UI that `temporal server start-dev` of the
// Temporal CLI runs, through the CLI's own package for it, without the client commands. It takes the same arguments,
// so that the published program and this one can stand for each other.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/temporalio/cli/temporalcli/devserver"
	uiversion "github.com/temporalio/ui-server/v2/server/version"
	"go.temporal.io/server/common/headers"
	// Named so that go.mod pins the version the CLI was tested with, whatever else asks for a newer one.
	_ "modernc.org/sqlite"
	// A schedule may name a time zone on a machine that has no list of them.
	_ "time/tzdata"
)

// Release of the Temporal CLI whose package this is; set by the linker.
var version = "unknown"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "temporal: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-v") {
		fmt.Printf("temporal version %s, development server only (Server %s, UI %s)\n",
			version, headers.ServerVersion, uiversion.UIVersion)
		return nil
	}
	if len(args) < 2 || args[0] != "server" || args[1] != "start-dev" {
		return errors.New("this program knows `temporal server start-dev` and `temporal --version` only; " +
			"the whole command line comes from https://github.com/temporalio/cli")
	}
	options, err := readOptions(args[2:])
	if err != nil {
		return err
	}
	return serve(options)
}

func serve(options devserver.StartOptions) error {
	// Listened for before the start: a server asked to end while it starts must not die halfway.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	server, err := devserver.Start(options)
	if err != nil {
		return fmt.Errorf("cannot start the development server: %w", err)
	}
	defer server.Stop()
	fmt.Printf("Server: %s:%d\n", options.FrontendIP, options.FrontendPort)
	if options.UIIP != "" {
		fmt.Printf("UI: http://%s:%d%s\n", options.UIIP, options.UIPort, options.PublicPath)
	}
	fmt.Printf("Metrics: http://%s:%d/metrics\n", options.FrontendIP, options.MetricsPort)
	<-stop
	return nil
}
