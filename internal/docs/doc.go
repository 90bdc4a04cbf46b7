// Package docs makes the documents that timd serves at /docs/ from Markdown,
// so that timd itself embeds plain files and needs nothing to render them.
// `make build` writes them to web/docs/dist with internal/docs/build; tests
// have them made in memory.
//
//	site.go       which pages there are, and in which order; Build
//	frame.go      a page around its text: side list, languages, contents
//	markdown.go   Markdown to HTML: headings, links, code
//	highlight.go  colours of code
//	codes.go      the table of error codes
//	reference.go  what the typings declare
//	refpages.go   methods, events and types, from that
//	serverapi.go  the server API, from rest/commands.json
//	chinese.go    what is said of all these in Chinese
//	search.go     the index that a page searches
//
// Sources are web/docs/en and web/docs/zh, and documents of the repository where
// they stand: nothing is said twice. A link of theirs that leads nowhere fails
// the build.
package docs
