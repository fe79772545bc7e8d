// Package text reads and writes what people write and read: sizes, rates and durations, words for a
// shell, lists, and the names that a mistyped one may have meant.
package text
