// Command sse appends new articles to a file of JSON lines over Server-Sent Events.
//
//	go run ./sse articles.jsonl http://127.0.0.1:8411/topics/articles
//
// The position of the last written article is in articles.jsonl.position: after a restart, none is missing.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

const maxEventBytes = 16 << 20

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: sse FILE URL")
	}
	file, url := os.Args[1], os.Args[2]
	for {
		if err := follow(file, url); err != nil {
			log.Printf("connection lost: %s (%v); retrying in 1 s", url, err)
		}
		time.Sleep(time.Second)
	}
}

// follow reads events after the stored position until the connection ends.
func follow(file, url string) error {
	position, _ := os.ReadFile(file + ".position")
	if len(position) == 0 {
		url += "?from=start"
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Last-Event-ID", string(position))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return store(file, response.Body)
}

func store(file string, events io.Reader) error {
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, maxEventBytes)
	id := ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			// A crash between these two writes repeats the article: readers ignore a known id and revision.
			if _, err := fmt.Fprintln(out, value); err != nil {
				return err
			}
			if err := savePosition(file+".position", id); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

// savePosition replaces the file at once: after a crash it holds the old or the new position.
func savePosition(path, id string) error {
	if err := os.WriteFile(path+".new", []byte(id), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
