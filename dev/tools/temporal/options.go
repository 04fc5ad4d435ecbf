package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/temporalio/cli/temporalcli/devserver"
	"go.temporal.io/api/enums/v1"
)

const (
	defaultPort = 7233
	uiDistance  = 1000
	highestPort = 65535
	// Above every level the server logs at.
	noLogs slog.Level = 100
)

// What the published command sets too, so that both behave alike: a search attribute is visible as soon as it is
// made, and the reads which that costs do not meet the limit meant for one shared database.
func dynamicDefaults() map[string]any {
	return map[string]any{
		"system.forceSearchAttributesCacheRefreshOnRead": true,
		"frontend.persistenceMaxQPS":                     10_000,
		"history.persistenceMaxQPS":                      45_000,
	}
}

// pairs collects a flag that is given once per KEY=VALUE.
type pairs map[string]string

func (p pairs) String() string { return "" }

func (p pairs) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return fmt.Errorf("%q is not KEY=VALUE", text)
	}
	p[key] = value
	return nil
}

type list []string

func (l *list) String() string { return "" }

func (l *list) Set(text string) error {
	*l = append(*l, text)
	return nil
}

type arguments struct {
	options                      devserver.StartOptions
	namespaces                   list
	pragmas, attributes, dynamic pairs
	logLevel, logFormat          string
	headless                     bool
}

func readOptions(args []string) (devserver.StartOptions, error) {
	given := arguments{pragmas: pairs{}, attributes: pairs{}, dynamic: pairs{}}
	if err := given.parse(args); err != nil {
		return devserver.StartOptions{}, err
	}
	options := given.options
	// The names which the published command gives to its only cluster; state on disk carries them.
	options.MasterClusterName, options.CurrentClusterName = "active", "active"
	options.InitialFailoverVersion = 1
	options.ClusterID = uuid.NewString()
	options.Namespaces = append([]string{"default"}, given.namespaces...)
	options.SqlitePragmas = given.pragmas
	if options.FrontendIP == "localhost" {
		options.FrontendIP = "127.0.0.1"
	}
	var err error
	if options.SearchAttributes, err = attributeTypes(given.attributes); err != nil {
		return options, err
	}
	if options.DynamicConfigValues, err = dynamicValues(given.dynamic); err != nil {
		return options, err
	}
	if options.Logger, options.LogLevel, err = newLogger(given.logLevel, given.logFormat); err != nil {
		return options, err
	}
	return options, choosePorts(&options, given.headless)
}

func (a *arguments) parse(args []string) error {
	flags := flag.NewFlagSet("temporal server start-dev", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	o := &a.options
	flags.StringVar(&o.DatabaseFile, "db-filename", "", "file that keeps the state; none keeps it in memory")
	flags.Var(&a.namespaces, "namespace", "namespace to make beside default, once per namespace")
	flags.StringVar(&o.FrontendIP, "ip", "localhost", "address of the server")
	flags.IntVar(&o.FrontendPort, "port", defaultPort, "gRPC port")
	flags.IntVar(&o.FrontendHTTPPort, "http-port", 0, "port of the HTTP API; 0 takes a free one")
	flags.IntVar(&o.MetricsPort, "metrics-port", 0, "port of /metrics; 0 takes a free one")
	flags.BoolVar(&a.headless, "headless", false, "without the UI")
	flags.StringVar(&o.UIIP, "ui-ip", "", "address of the UI; that of the server when not given")
	flags.IntVar(&o.UIPort, "ui-port", 0, "port of the UI; --port plus 1000 when not given")
	flags.StringVar(&o.PublicPath, "ui-public-path", "", "path under which the UI is served")
	flags.StringVar(&o.UIAssetPath, "ui-asset-path", "", "folder of other assets for the UI")
	flags.StringVar(&o.UICodecEndpoint, "ui-codec-endpoint", "", "where the UI has payloads decoded")
	flags.Var(a.pragmas, "sqlite-pragma", "NAME=VALUE, once per pragma")
	flags.Var(a.attributes, "search-attribute", "NAME=TYPE, once per attribute")
	flags.Var(a.dynamic, "dynamic-config-value", "KEY=JSON, once per setting")
	flags.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn, error or never")
	flags.StringVar(&a.logFormat, "log-format", "text", "text or json")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w; flags are: %s", err, namesOf(flags))
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	return nil
}

func namesOf(flags *flag.FlagSet) string {
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name) })
	return strings.Join(names, " ")
}

func attributeTypes(given pairs) (map[string]enums.IndexedValueType, error) {
	types := map[string]enums.IndexedValueType{}
	for name, text := range given {
		for known, value := range enums.IndexedValueType_shorthandValue {
			if strings.EqualFold(known, text) {
				types[name] = enums.IndexedValueType(value)
			}
		}
		if types[name] == enums.INDEXED_VALUE_TYPE_UNSPECIFIED {
			return nil, fmt.Errorf("--search-attribute %s: %q is not a type; types are Text, Keyword, Int, Double, "+
				"Bool, Datetime and KeywordList", name, text)
		}
	}
	return types, nil
}

func dynamicValues(given pairs) (map[string]any, error) {
	values := dynamicDefaults()
	for _, key := range slices.Sorted(maps.Keys(given)) {
		decoder := json.NewDecoder(bytes.NewBufferString(given[key]))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("--dynamic-config-value %s: %q is not JSON: %w", key, given[key], err)
		}
		if number, isNumber := value.(json.Number); isNumber {
			value = numberOf(number)
		}
		values[key] = value
	}
	return values, nil
}

// A setting that counts is refused by the server unless it is an int, which JSON does not have.
func numberOf(number json.Number) any {
	if whole, err := number.Int64(); err == nil {
		return int(whole)
	}
	// A json.Number that is not whole is a float by the grammar of JSON; out of range it becomes infinite.
	float, _ := number.Float64()
	return float
}

func newLogger(level, format string) (*slog.Logger, slog.Level, error) {
	chosen := noLogs
	if level != "never" {
		if err := chosen.UnmarshalText([]byte(level)); err != nil {
			return nil, 0, fmt.Errorf("--log-level %q: use debug, info, warn, error or never", level)
		}
	}
	options := &slog.HandlerOptions{Level: chosen}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), chosen, nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), chosen, nil
	}
	return nil, 0, fmt.Errorf("--log-format %q: use text or json", format)
}

func choosePorts(options *devserver.StartOptions, headless bool) error {
	if headless {
		options.UIIP = ""
	} else {
		if options.UIIP == "" {
			options.UIIP = options.FrontendIP
		}
		if options.UIPort == 0 {
			options.UIPort = min(options.FrontendPort+uiDistance, highestPort)
		}
	}
	// The server logs a port that is taken and goes on without it; asking first makes it an error.
	for _, wanted := range []struct {
		flag, ip string
		port     int
	}{
		{"--port", options.FrontendIP, options.FrontendPort},
		{"--http-port", options.FrontendIP, options.FrontendHTTPPort},
		{"--metrics-port", options.FrontendIP, options.MetricsPort},
		{"--ui-port", options.UIIP, options.UIPort},
	} {
		if wanted.ip == "" || wanted.port == 0 {
			continue
		}
		if err := devserver.CheckPortFree(wanted.ip, wanted.port); err != nil {
			return errors.Join(fmt.Errorf("%s %d cannot be used", wanted.flag, wanted.port), err)
		}
	}
	if options.MetricsPort == 0 {
		options.MetricsPort = devserver.MustGetFreePort(options.FrontendIP)
	}
	return nil
}
