package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// configFile is the flag that names a config file, and what reads it before
// the settings get their values.
type configFile struct {
	Config string `help:"YAML file with settings." env:"OPENSANDBOX_CONFIG" placeholder:"FILE"`
}

// Help is what kong shows above the flags of a command that has settings.
func (*configFile) Help() string {
	return `A setting comes from its flag, else from its variable OPENSANDBOX_…, else from the config file (--config), else it has the default that its help names. ` +
		`The config file is YAML: the names of the flags of serve without their dashes, each with a value or a list of them. A name that is no flag of serve is an error.`
}

// BeforeResolve is called by kong once it knows the command line.
func (c *configFile) BeforeResolve(ctx *kong.Context) error {
	path := c.Config // from the variable; what the command line says is not in it yet
	for _, flag := range ctx.Flags() {
		if given, ok := ctx.FlagValue(flag).(string); ok && flag.Name == "config" {
			path = given
		}
	}
	if path == "" {
		return nil
	}
	values, err := readConfig(path, names(ctx.Model))
	if err != nil {
		return fmt.Errorf("config file %w", err)
	}
	ctx.AddResolver(values)
	return nil
}

// names are the flags of serve: the settings. The other commands have some of
// them, and take a file that has all.
func names(app *kong.Application) map[string]bool {
	names := map[string]bool{}
	for _, command := range app.Children {
		if command.Name == "serve" {
			for _, flag := range command.Flags {
				names[flag.Name] = flag.Name != "config"
			}
		}
	}
	return names
}

// fileValues are the values of a config file by name: texts, and lists of them.
type fileValues map[string]any

var _ kong.Resolver = fileValues{}

// Validate is kong's; readConfig has done it.
func (v fileValues) Validate(*kong.Application) error { return nil }

// Resolve gives the value of a flag that the command line does not have.
func (v fileValues) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return v[flag.Name], nil
}

func readConfig(path string, known map[string]bool) (fileValues, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // nothing in it
		return fileValues{}, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it has more than one document", path)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: it must be names of settings with values, such as listen: 127.0.0.1:8080", path, root.Line)
	}
	values := fileValues{}
	for i := 0; i < len(root.Content); i += 2 {
		name, node := root.Content[i], root.Content[i+1]
		if !known[name.Value] {
			return nil, fmt.Errorf("%s:%d: there is no setting %q; see opensandbox-reference serve --help", path, name.Line, name.Value)
		}
		if _, twice := values[name.Value]; twice {
			return nil, fmt.Errorf("%s:%d: %s stands there twice", path, name.Line, name.Value)
		}
		value, err := valueOf(node)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s %w", path, node.Line, name.Value, err)
		}
		values[name.Value] = value
	}
	return values, nil
}

// valueOf gives a scalar as its text, which is read as a flag's would be.
func valueOf(node *yaml.Node) (any, error) {
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag != "!!null":
		return node.Value, nil
	case node.Kind == yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			text, err := valueOf(item)
			if _, nested := text.([]any); err != nil || nested {
				return nil, errors.New("must be a list of texts")
			}
			list = append(list, text)
		}
		return list, nil
	default:
		return nil, errors.New("has no value that a setting can have: " + strings.TrimPrefix(node.Tag, "!!"))
	}
}
