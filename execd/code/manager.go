package code

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// Config is what a Manager needs.
type Config struct {
	Log *slog.Logger // nil: slog.Default()
	// Languages tells those that there may be, anew each time, as the files of an image change; of several with one
	// name the first that the image has wins. One with a method Available() bool is only spoken of where that says so.
	Languages func() []Language
}

// Manager owns every context.
type Manager struct {
	log       *slog.Logger
	languages func() []Language

	mu       sync.Mutex
	closed   bool
	contexts []*Context            // in the order in which they were made
	defaults map[string]*Context   // by language
	starting map[string]*sync.Once // default contexts that are being made
	work     sync.WaitGroup        // starts, which Close waits for

	stopping context.Context // done when it closes
	stop     context.CancelFunc
}

// NewManager makes a Manager; the caller must Close it.
func NewManager(c Config) *Manager {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	m := &Manager{log: c.Log, languages: c.Languages, defaults: map[string]*Context{}, starting: map[string]*sync.Once{}}
	m.stopping, m.stop = context.WithCancel(context.Background())
	return m
}

// aliases are further names that callers use.
var aliases = map[string]string{"python3": "python", "js": "javascript", "node": "javascript", "sh": "bash", "shell": "bash"}

func canonical(language string) string {
	if name, ok := aliases[language]; ok {
		return name
	}
	return language
}

// known tells whether there may be such a language, whatever the image has.
func (m *Manager) known(language string) bool {
	return slices.ContainsFunc(m.languages(), func(l Language) bool { return l.Name() == language })
}

func available(l Language) bool {
	a, ok := l.(interface{ Available() bool })
	return !ok || a.Available()
}

// Languages are the names of those that code can be run in here.
func (m *Manager) Languages() []string {
	var names []string
	for _, l := range m.languages() {
		if !slices.Contains(names, l.Name()) && available(l) {
			names = append(names, l.Name())
		}
	}
	return names
}

// unknown refuses a language and names those that there are.
func (m *Manager) unknown(language string) error {
	names := m.Languages()
	there := "this image has an interpreter for none"
	if len(names) > 0 {
		there = "there are " + strings.Join(names, ", ")
	}
	switch {
	case language == "":
		return fault.Errorf(fault.Invalid, "language is missing: %s", there)
	case m.known(language):
		return fault.Errorf(fault.Invalid, "this image has no interpreter for the language %q: %s", language, there)
	}
	return fault.Errorf(fault.Invalid, "the language %.40q is unknown: %s", language, there)
}

// language finds one by its canonical name.
func (m *Manager) language(name string) (Language, error) {
	for _, l := range m.languages() {
		if l.Name() == name && available(l) {
			return l, nil
		}
	}
	return nil, m.unknown(name)
}

// Create starts an interpreter in a context of its own.
func (m *Manager) Create(ctx context.Context, language string) (*Context, error) {
	return m.create(ctx, canonical(language), false)
}

func (m *Manager) create(ctx context.Context, language string, isDefault bool) (*Context, error) {
	l, err := m.language(language)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, errStopping
	}
	m.work.Add(1)
	m.mu.Unlock()
	defer m.work.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.stopping, cancel)()
	kernel, err := l.Start(ctx)
	if err != nil {
		return nil, err
	}
	c := &Context{ID: rand.Text(), Language: language, language: l, kernel: kernel, turn: make(chan struct{}, 1), deleted: make(chan struct{})}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		kernel.Close()
		return nil, errStopping
	}
	defer m.mu.Unlock()
	m.contexts = append(m.contexts, c)
	if isDefault {
		m.defaults[language] = c
	}
	return c, nil
}

var errStopping = fault.Errorf(fault.Unavailable, "the daemon is stopping")

// Default is the default context of a language. The first call makes it.
func (m *Manager) Default(ctx context.Context, language string) (*Context, error) {
	language = canonical(language)
	if !m.known(language) {
		return nil, m.unknown(language)
	}
	for {
		m.mu.Lock()
		if c := m.defaults[language]; c != nil {
			m.mu.Unlock()
			return c, nil
		}
		once := m.starting[language]
		if once == nil {
			once = new(sync.Once)
			m.starting[language] = once
		}
		m.mu.Unlock()
		var err error
		once.Do(func() { // others wait here, and look again
			defer func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				delete(m.starting, language)
			}()
			_, err = m.create(ctx, language, true)
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

// Get finds a context.
func (m *Manager) Get(id string) (*Context, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.contexts {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, fault.Errorf(fault.Missing, "there is no context %.80q: it was deleted, or never made", id)
}

// In finds a context and holds the caller to its language; "" is any.
func (m *Manager) In(id, language string) (*Context, error) {
	c, err := m.Get(id)
	if err == nil && language != "" && canonical(language) != c.Language {
		return nil, fault.Errorf(fault.Invalid, "the context %s is one of %s, not of %.40q: leave the language out, or send that of the context", c.ID, c.Language, language)
	}
	return c, err
}

// List gives the contexts of a language, or all where it is "".
func (m *Manager) List(language string) ([]*Context, error) {
	if language != "" && !m.known(canonical(language)) {
		return nil, m.unknown(language)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []*Context{}
	for _, c := range m.contexts {
		if language == "" || c.Language == canonical(language) {
			list = append(list, c)
		}
	}
	return list, nil
}

// Interrupt ends the code that runs in a context.
func (m *Manager) Interrupt(id string) error {
	c, err := m.Get(id)
	if err != nil {
		return err
	}
	return c.interrupt()
}

// Delete ends a context with everything that it started.
func (m *Manager) Delete(id string) error {
	if _, err := m.Get(id); err != nil {
		return err
	}
	end(m.take(func(c *Context) bool { return c.ID == id })) // none, where another call was faster
	return nil
}

// DeleteLanguage ends all contexts of a language.
func (m *Manager) DeleteLanguage(language string) error {
	if !m.known(canonical(language)) {
		return m.unknown(language)
	}
	end(m.take(func(c *Context) bool { return c.Language == canonical(language) }))
	return nil
}

// Close ends all contexts, and waits for that.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	end(m.take(func(*Context) bool { return true }))
	m.work.Wait()
}

// take takes contexts out of the list.
func (m *Manager) take(which func(*Context) bool) []*Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	var taken []*Context
	m.contexts = slices.DeleteFunc(m.contexts, func(c *Context) bool {
		if !which(c) {
			return false
		}
		taken = append(taken, c)
		if m.defaults[c.Language] == c {
			delete(m.defaults, c.Language)
		}
		return true
	})
	return taken
}

func end(contexts []*Context) {
	var all sync.WaitGroup
	for _, c := range contexts {
		all.Go(c.end)
	}
	all.Wait()
}

// reason is what follows ErrDied in an error, for people.
func reason(err error) string {
	if !errors.Is(err, ErrDied) {
		return err.Error()
	}
	return strings.TrimPrefix(err.Error(), ErrDied.Error()+": ")
}
