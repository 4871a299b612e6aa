package main

import (
	"fmt"
	"os"
	"reflect"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

type configCommand struct {
	settings
}

// Run prints the settings as a config file, each with where it comes from, and
// fails where serve would refuse them.
func (c *configCommand) Run(ctx *kong.Context) error {
	from := origins(ctx)
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, flag := range ctx.Flags() {
		if flag.Name == "help" || flag.Name == "config" {
			continue
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: flag.Name}
		value := new(yaml.Node)
		if err := value.Encode(plain(flag.Target)); err != nil {
			return fmt.Errorf("print %s: %w", flag.Name, err)
		}
		switch {
		case flag.Tag.Has("secret"):
			// As a comment: the output must not set a key that everybody knows.
			if n := flag.Target.Len(); n > 0 {
				root.FootComment += fmt.Sprintf("%s: %d, not shown, from %s\n", flag.Name, n, from[flag.Name])
			}
			continue
		case empty(flag.Target):
			continue // as if it were not set, which is its default
		case value.Kind == yaml.ScalarNode:
			value.LineComment = from[flag.Name]
		default:
			name.HeadComment = from[flag.Name]
		}
		root.Content = append(root.Content, name, value)
	}
	encoder := yaml.NewEncoder(os.Stdout)
	encoder.SetIndent(2)
	if err := encoder.Encode(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}}); err != nil {
		return fmt.Errorf("print the settings: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("print the settings: %w", err)
	}
	if _, err := c.keys(); err != nil {
		return err
	}
	return c.check()
}

// empty reports whether a text or list is; a number and a switch never are.
func empty(v reflect.Value) bool {
	return (v.Kind() == reflect.String || v.Kind() == reflect.Slice) && v.Len() == 0
}

// plain gives a value as a config file has it: durations and levels as texts.
func plain(v reflect.Value) any {
	if text, ok := v.Interface().(fmt.Stringer); ok {
		return text.String()
	}
	return v.Interface()
}

// origins says for each flag where its value comes from; none: its default.
func origins(ctx *kong.Context) map[string]string {
	from := map[string]string{}
	for _, flag := range ctx.Flags() {
		for _, name := range flag.Envs {
			if _, set := os.LookupEnv(name); set {
				from[flag.Name] = name
			}
		}
	}
	for _, step := range ctx.Path {
		switch {
		case step.Flag == nil:
		case step.Resolved:
			from[step.Flag.Name] = "config file"
		default:
			from[step.Flag.Name] = "--" + step.Flag.Name
		}
	}
	return from
}
