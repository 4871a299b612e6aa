package sandbox

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// reservedPrefix is the part of the label space that the server keeps for
// itself (rule 8).
const reservedPrefix = "opensandbox.io/"

var (
	labelName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelPrefix = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
)

// checkMetadata holds metadata to the syntax of Kubernetes labels.
func checkMetadata(metadata map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if err := checkLabel(key, metadata[key]); err != nil {
			return err
		}
	}
	return nil
}

func checkLabel(key, value string) error {
	if strings.HasPrefix(key, reservedPrefix) {
		return invalid("RESERVED_METADATA_KEY",
			"metadata key %.64q: keys under %s are the server's own; choose another prefix", key, reservedPrefix)
	}
	prefix, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		prefix, name = "", key
	}
	if prefixed && (len(prefix) > 253 || !labelPrefix.MatchString(prefix)) {
		return invalid("INVALID_METADATA_KEY",
			"metadata key %.64q: what stands before the slash must be a DNS name of at most 253 characters", key)
	}
	if !labelName.MatchString(name) {
		return invalid("INVALID_METADATA_KEY",
			"metadata key %.64q: a key has 1 to 63 characters of A-Z a-z 0-9 . _ - and begins and ends with a letter or digit", key)
	}
	if value != "" && !labelName.MatchString(value) {
		return invalid("INVALID_METADATA_VALUE",
			"metadata value %.64q of key %.64q: a value is empty, or has at most 63 characters of A-Z a-z 0-9 . _ - and begins and ends with a letter or digit", value, key)
	}
	return nil
}
