package main

// Where a machine or an image has no certificates of its own, the command brings those of Mozilla.
import _ "golang.org/x/crypto/x509roots/fallback"
