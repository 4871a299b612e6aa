package main

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// benchGatewayEvent compares the first event of a command through the gateway with asking the daemon itself.
func benchGatewayEvent(b *testing.B, l *lifecycle) {
	id := l.running(b)
	defer l.remove(b, id)
	address, secret := l.address(b, id)
	first := func(url, secret string) time.Duration {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/command", strings.NewReader(`{"command":"true"}`))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if secret != "" {
			req.Header.Set(tokenHeader, secret)
		}
		begun := time.Now()
		res, err := l.client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewReader(res.Body)
		line, err := lines.ReadString('\n')
		took := time.Since(begun)
		if err != nil || !strings.Contains(line, `"init"`) {
			b.Fatalf("%d %q %v", res.StatusCode, line, err)
		}
		if _, err := io.Copy(io.Discard, lines); err != nil { // the connection is used again
			b.Fatal(err)
		}
		return took
	}
	var through, direct []time.Duration
	for range b.N {
		x, y := pairs(500,
			func() time.Duration { return first(l.url+"/sandboxes/"+id+"/port/44772", "") },
			func() time.Duration { return first("http://"+address, secret) })
		through, direct = append(through, x...), append(direct, y...)
	}
	b.ReportMetric(quantile(through, 0.5), "p50-ms")
	b.ReportMetric(quantile(direct, 0.5), "bare-p50-ms")
}

// benchGatewayDownload compares a large download through the gateway with one through the standard library's proxy.
func benchGatewayDownload(b *testing.B, l *lifecycle, bare *server) {
	id := l.running(b)
	defer l.remove(b, id)
	address, secret := l.address(b, id)
	gateway := l.url + "/sandboxes/" + id + "/port/44772"
	fetch := func(method, url, body string, size int64) time.Duration {
		req, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(tokenHeader, secret)
		req.Header.Set(throughHeader, address)
		return timed(func() {
			res, err := l.client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			defer res.Body.Close()
			if n, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK || size > 0 && n != size {
				b.Fatalf("%d, %d bytes, %v", res.StatusCode, n, err)
			}
		})
	}
	fetch("POST", gateway+"/command", `{"command":"head -c 524288000 /dev/zero > /big"}`, 0)
	const file = "/files/download?path=/big"
	var ours, proxied []time.Duration
	for range b.N {
		x, y := pairs(2*rounds,
			func() time.Duration { return fetch("GET", gateway+file, "", big) },
			func() time.Duration { return fetch("GET", bare.url+"/through"+file, "", big) })
		ours, proxied = append(ours, x...), append(proxied, y...)
	}
	b.ReportMetric(rate(big, ours), "MBps")
	b.ReportMetric(rate(big, proxied), "bare-MBps")
}
