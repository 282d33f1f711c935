package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// client calls a server with Go's own HTTP and TLS, as the applications do that KES's SDK for Go is in.
type client struct {
	endpoint string
	http     *http.Client
}

// newClient makes a client that speaks HTTP/2, or HTTP/1.1 only. The server's certificate is trusted by SSL_CERT_FILE.
func newClient(endpoint, apiKey string, isHTTP1 bool) (*client, error) {
	certificate, err := credentialOf(apiKey)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
		ForceAttemptHTTP2:   !isHTTP1,
		MaxIdleConnsPerHost: 100,
	}
	if isHTTP1 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &client{endpoint, &http.Client{Transport: transport}}, nil
}

// send makes a request. Its answer's body is the caller's to close.
func (c *client) send(ctx context.Context, method, path string, body io.Reader, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	return c.http.Do(request)
}

// post sends `body` as JSON, or nothing for nil, and reads the whole answer into `reply` when it is one of success and `reply` is not
// nil. What the server refuses is a `refusal`.
func (c *client) post(path string, body, reply any) error {
	if body == nil {
		return c.call(http.MethodPost, path, nil, reply)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.call(http.MethodPost, path, bytes.NewReader(text), reply)
}

func (c *client) get(path string, reply any) error {
	return c.call(http.MethodGet, path, nil, reply)
}

func (c *client) call(method, path string, body io.Reader, reply any) error {
	response, err := c.send(context.Background(), method, path, body, nil)
	if err != nil {
		return err
	}
	return read(response, reply)
}

func read(response *http.Response, reply any) error {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		var message struct{ Message string }
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
			return fmt.Errorf("status %d with the content type %q", response.StatusCode, response.Header.Get("Content-Type"))
		}
		if err := json.Unmarshal(text, &message); err != nil {
			return fmt.Errorf("status %d: %w in %q", response.StatusCode, err, text)
		}
		return refusal{response.StatusCode, message.Message}
	}
	if reply == nil {
		if len(text) > 0 {
			return fmt.Errorf("unexpected body %q", text)
		}
		return nil
	}
	return json.Unmarshal(text, reply)
}

// refusal is an answer that is not one of success.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, r.message) }
