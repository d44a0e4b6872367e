// Renders a chart as `helm template` does, as far as the chart in this folder needs it: with the template engine and the function
// library that Helm uses, from Debian's packages.
//
//	go run ./deploy/helm/render CHART RELEASE [VALUES.yaml ...]
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type values = map[string]interface{}

func main() {
	if len(os.Args) < 3 {
		fail("usage: render CHART RELEASE [VALUES.yaml ...]")
	}
	chart, release := os.Args[1], os.Args[2]
	merged := load(filepath.Join(chart, "values.yaml"))
	for _, path := range os.Args[3:] {
		merge(merged, load(path))
	}
	about := load(filepath.Join(chart, "Chart.yaml"))
	data := values{
		"Values":  merged,
		"Chart":   values{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release": values{"Name": release, "Namespace": "default", "Service": "Helm"},
	}

	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["toYaml"] = func(value interface{}) (string, error) {
		var out bytes.Buffer
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(2)
		err := encoder.Encode(value)
		return strings.TrimSuffix(out.String(), "\n"), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	all.Funcs(functions)

	var paths []string
	check(filepath.WalkDir(filepath.Join(chart, "templates"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	}))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		check(err)
		_, err = all.New(path).Parse(string(text))
		check(err)
	}
	for _, path := range paths {
		var out bytes.Buffer
		check(all.ExecuteTemplate(&out, path, data))
		if text := strings.TrimSpace(out.String()); strings.HasSuffix(path, ".yaml") && text != "" {
			fmt.Printf("---\n%s\n", text)
		}
	}
}

func load(path string) values {
	text, err := os.ReadFile(path)
	check(err)
	found := values{}
	check(yaml.Unmarshal(text, &found))
	return found
}

// merge puts what is in `over` over what is in `under`, map by map.
func merge(under, over values) {
	for name, value := range over {
		below, isMap := under[name].(values)
		above, alsoMap := value.(values)
		if isMap && alsoMap {
			merge(below, above)
		} else {
			under[name] = value
		}
	}
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
