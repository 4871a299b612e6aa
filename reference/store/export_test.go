package store

// Migrate is migrate, for tests with steps of their own.
var Migrate = migrate

// Version is the newest version of a file.
var Version = len(migrations)
