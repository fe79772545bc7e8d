// Package text parses and formats text for people: sizes, rates and durations, words quoted for a
// shell, lists, and suggestions for mistyped names.
package text
