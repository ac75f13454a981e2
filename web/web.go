// Package web holds what browsers get: the demo page and, in sdk/, the client of
// the protocol that it is made of. The TypeScript is built into dist/ by go
// generate; the result is kept in the repository, so that building the program
// needs nothing but Go. "tsc -p web" checks the types, for who has it.
//
// It must never know the server: it imports nothing of ours.
package web

import (
	"embed"
	"io/fs"
)

// The pages run in every browser of the last two years or so.
//
//go:generate go tool -modfile=../tools/go.mod esbuild demo/demo.ts demo/index.html demo/icon.svg --bundle --outdir=dist/demo --format=iife --target=chrome111,firefox115,safari16.4 --charset=utf8 --loader:.html=copy --loader:.svg=copy --log-level=warning

//go:embed dist/demo
var built embed.FS

// Demo returns the demo page: index.html and, beside it, the files that it names
// as demo/….
func Demo() fs.FS {
	demo, err := fs.Sub(built, "dist/demo")
	if err != nil {
		panic(err) // the path is constant and valid
	}
	return demo
}
