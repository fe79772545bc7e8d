//go:build race

package pipetest_test

const race = true
