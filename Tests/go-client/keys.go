package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

type dataKey struct{ Plaintext, Ciphertext []byte }

type decryption struct {
	Ciphertext []byte `json:"ciphertext"`
	Context    []byte `json:"context,omitempty"`
}

type encryption struct {
	Plaintext []byte `json:"plaintext"`
}

// tryKeys does with keys below `prefix` what applications do, and what their networks make of it.
func tryKeys(c *client, prefix string) error {
	name := prefix + "-key"
	if err := c.post("/v1/key/create/"+name, nil, nil); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := c.post("/v1/key/create/"+name, nil, nil); err != (refusal{400, "key already exists"}) {
		return fmt.Errorf("second create: %v", err)
	}
	steps := []struct {
		name string
		run  func(*client, string) error
	}{
		{"many at once", manyAtOnce}, {"large messages", largeMessages}, {"too large messages", tooLargeMessages},
		{"decryption in bulk", bulk}, {"a body by and by", bodyByAndBy}, {"Expect", expectation}, {"requests given up", givenUp},
		{"listing", listing},
	}
	for _, step := range steps {
		if err := step.run(c, name); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func manyAtOnce(c *client, name string) error {
	const count = 200
	results := make(chan error, count)
	for i := 0; i < count; i++ {
		go func(context string) {
			var made, opened dataKey
			if err := c.post("/v1/key/generate/"+name, map[string][]byte{"context": []byte(context)}, &made); err != nil {
				results <- err
				return
			}
			err := c.post("/v1/key/decrypt/"+name, decryption{made.Ciphertext, []byte(context)}, &opened)
			if err == nil && (len(made.Plaintext) != 32 || !bytes.Equal(opened.Plaintext, made.Plaintext)) {
				err = errors.New("the data key came back as another")
			}
			if err != nil {
				results <- err
				return
			}
			err = c.post("/v1/key/decrypt/"+name, decryption{made.Ciphertext, nil}, &opened)
			if err != (refusal{400, "decryption failed: ciphertext is not authentic"}) {
				results <- fmt.Errorf("without its context: %v", err)
				return
			}
			results <- nil
		}(fmt.Sprint("context ", i))
	}
	var first error
	for i := 0; i < count; i++ {
		if err := <-results; first == nil {
			first = err
		}
	}
	return first
}

func largeMessages(c *client, name string) error {
	plaintext := make([]byte, 700_000)
	if _, err := rand.Read(plaintext); err != nil {
		return err
	}
	var sealed, opened dataKey
	if err := c.post("/v1/key/encrypt/"+name, encryption{plaintext}, &sealed); err != nil {
		return err
	}
	// Its base64 is below 1 MiB still.
	if err := c.post("/v1/key/decrypt/"+name, decryption{sealed.Ciphertext, nil}, &opened); err != nil {
		return err
	}
	if !bytes.Equal(opened.Plaintext, plaintext) {
		return errors.New("the message came back as another")
	}
	return nil
}

// The answer comes while the request is still on its way, and must reach the client all the same.
func tooLargeMessages(c *client, name string) error {
	for i := 0; i < 20; i++ {
		err := c.post("/v1/key/encrypt/"+name, encryption{make([]byte, 3_000_000)}, &dataKey{})
		var answer refusal
		if !errors.As(err, &answer) || answer.status != http.StatusRequestEntityTooLarge {
			return fmt.Errorf("request %d: %v", i, err)
		}
	}
	return nil
}

func bulk(c *client, name string) error {
	requests := make([]decryption, 1000)
	for i := range requests {
		var sealed dataKey
		if err := c.post("/v1/key/encrypt/"+name, encryption{[]byte(fmt.Sprint(i))}, &sealed); err != nil {
			return err
		}
		requests[i] = decryption{sealed.Ciphertext, nil}
	}
	var opened []dataKey
	if err := c.post("/v1/key/bulk/decrypt/"+name, requests, &opened); err != nil {
		return err
	}
	for i := range requests {
		if i >= len(opened) || string(opened[i].Plaintext) != fmt.Sprint(i) {
			return fmt.Errorf("%d answers, and number %d is wrong", len(opened), i)
		}
	}
	return nil
}

// A body of unknown length, a byte at a time: chunks over HTTP/1.1, a frame for each over HTTP/2.
func bodyByAndBy(c *client, name string) error {
	reader, writer := io.Pipe()
	go func() {
		for _, character := range []byte(`{"context":"Y29udGV4dA=="}`) {
			if _, err := writer.Write([]byte{character}); err != nil {
				return
			}
		}
		writer.Close()
	}()
	var made dataKey
	if err := c.call(http.MethodPost, "/v1/key/generate/"+name, reader, &made); err != nil {
		return err
	}
	return c.post("/v1/key/decrypt/"+name, decryption{made.Ciphertext, []byte("context")}, &made)
}

func expectation(c *client, name string) error {
	header := http.Header{"Expect": {"100-continue"}}
	response, err := c.send(context.Background(), http.MethodPost, "/v1/key/generate/"+name, strings.NewReader("{}"), header)
	if err != nil {
		return err
	}
	return read(response, &dataKey{})
}

// Whenever a client gives a request up, its other requests, on the same connection over HTTP/2, are answered.
func givenUp(c *client, name string) error {
	var others sync.WaitGroup
	failed := make(chan error, 300)
	for i := 0; i < 300; i++ {
		limited, cancel := context.WithTimeout(context.Background(), time.Duration(i%30)*100*time.Microsecond)
		others.Add(1)
		go func() {
			defer others.Done()
			failed <- c.post("/v1/key/generate/"+name, nil, &dataKey{})
		}()
		response, err := c.send(limited, http.MethodPost, "/v1/key/generate/"+name, strings.NewReader("{}"), nil)
		if err == nil {
			err = read(response, &dataKey{})
		}
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	others.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// More names than a page has.
func listing(c *client, name string) error {
	expected := []string{name}
	for i := 0; i < 1500; i++ {
		expected = append(expected, fmt.Sprintf("%s-%04d", name, i))
		if err := c.post("/v1/key/create/"+expected[i+1], nil, nil); err != nil {
			return err
		}
	}
	var names []string
	for at := name; ; {
		var page struct {
			Names      []string `json:"names"`
			ContinueAt string   `json:"continue_at"`
		}
		if err := c.get("/v1/key/list/"+at, &page); err != nil {
			return err
		}
		names = append(names, page.Names...)
		if at = page.ContinueAt; at == "" {
			break
		}
	}
	if strings.Join(names, " ") != strings.Join(expected, " ") {
		return fmt.Errorf("%d names for %d keys", len(names), len(expected))
	}
	return nil
}
