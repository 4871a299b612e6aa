package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// reply is what became of a request.
type reply struct {
	status int // 0: no answer came, so nobody knows whether it was accepted
	body   []byte
}

func (r reply) accepted() bool { return r.status/100 == 2 }

// unknown says that the request may have been accepted. So may one that was
// answered by a server in distress.
func (r reply) unknown() bool { return r.status == 0 || r.status == http.StatusServiceUnavailable }

func (r reply) String() string { return fmt.Sprintf("%d %.300s", r.status, r.body) }

// box is a sandbox as the API shows it.
type box struct {
	ID        string    `json:"id"`
	ExpiresAt time.Time `json:"expiresAt"`
	Status    struct {
		State   string `json:"state"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"status"`
}

// do makes one request to the server that is up, or will be.
func (s *server) do(ctx context.Context, method, path string, body any) reply {
	base, err := s.url(ctx)
	if err != nil {
		return reply{}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return reply{}
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(text))
	if err != nil {
		return reply{}
	}
	req.Header.Set("OPEN-SANDBOX-API-KEY", apiKey)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // the next request may go to another process
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}
	}
	return reply{status: res.StatusCode, body: answer}
}

// list returns all sandboxes with a metadata pair.
func (s *server) list(ctx context.Context, key, value string) ([]box, reply) {
	pair := url.Values{key: {value}}.Encode()
	r := s.do(ctx, http.MethodGet, "/v1/sandboxes?"+url.Values{"pageSize": {"200"}, "metadata": {pair}}.Encode(), nil)
	var page struct {
		Items []box `json:"items"`
	}
	if !r.accepted() || json.Unmarshal(r.body, &page) != nil {
		return nil, r
	}
	return page.Items, r
}

func (s *server) get(ctx context.Context, id string) (box, reply) {
	r := s.do(ctx, http.MethodGet, "/v1/sandboxes/"+id, nil)
	var b box
	if r.accepted() && json.Unmarshal(r.body, &b) != nil {
		return box{}, reply{}
	}
	return b, r
}
