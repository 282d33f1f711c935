package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// follow reads the audit log, which Go asks for compressed and inflates by itself, while many clients generate data keys, until
// standard input ends. Every request must succeed, and every one must be in the log.
func follow(log, c *client, name string) error {
	limited, cancel := context.WithCancel(context.Background())
	defer cancel()
	response, err := log.send(limited, http.MethodGet, "/v1/log/audit", nil, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || !response.Uncompressed {
		return fmt.Errorf("status %d, compressed: %v", response.StatusCode, response.Uncompressed)
	}
	events := make(chan error)
	var sent, seen atomic.Int64
	// How many there will have been: known before the last one is sent.
	var total atomic.Int64
	var isOver atomic.Bool
	go func() {
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			var event struct {
				Request  struct{ Path string }
				Response struct{ Code int }
			}
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
				events <- fmt.Errorf("%w in %q", err, lines.Bytes())
				return
			}
			if !strings.HasPrefix(event.Request.Path, "/v1/key/generate/") {
				continue
			}
			if seen.Add(1) == total.Load() {
				events <- nil
				return
			}
		}
		events <- fmt.Errorf("the log ended: %v", lines.Err())
	}()

	var clients sync.WaitGroup
	failures := make(chan error, 16)
	for i := 0; i < cap(failures); i++ {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for !isOver.Load() {
				if err := c.post("/v1/key/generate/"+name, nil, &dataKey{}); err != nil {
					failures <- err
					return
				}
				sent.Add(1)
			}
		}()
	}
	fmt.Println("following")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	isOver.Store(true)
	clients.Wait()
	close(failures)
	for err := range failures {
		return err
	}
	total.Store(sent.Load() + 1)
	if err := c.post("/v1/key/generate/"+name, nil, &dataKey{}); err != nil {
		return err
	}
	if err := <-events; err != nil {
		return fmt.Errorf("%d of %d events: %w", seen.Load(), total.Load(), err)
	}
	return nil
}
