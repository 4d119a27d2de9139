// Command redis prints the id, the revision and the title of each article of a topic on Redis Streams.
//
//	go run ./redis redis://127.0.0.1:6379 positions.json
//	go run ./redis unix:///srv/copydesk-data/valkey.sock positions.json
//
// The file holds the last entry id of each partition: after a restart, none is missing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

const topic = "copydesk.articles"

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: redis URL FILE")
	}
	options, err := redis.ParseURL(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	ctx := context.Background()
	partitions, err := client.HGet(ctx, "copydesk:topics", topic).Int()
	if err != nil {
		log.Fatalf("topic not found: %s (%v); start copydesk first", topic, err)
	}
	last := map[string]string{}
	if data, err := os.ReadFile(os.Args[2]); err == nil {
		if err := json.Unmarshal(data, &last); err != nil {
			log.Fatal(err)
		}
	}
	streams := make([]string, partitions)
	for n := range streams {
		streams[n] = fmt.Sprintf("copydesk:stream:%s:%d", topic, n)
		if last[streams[n]] == "" {
			last[streams[n]] = "0-0"
		}
	}
	for {
		if err := read(ctx, client, streams, last); err != nil {
			log.Printf("read failed: %s (%v); retrying in 1 s", topic, err)
			time.Sleep(time.Second)
			continue
		}
		data, _ := json.Marshal(last)
		if err := save(os.Args[2], data); err != nil {
			log.Fatal(err)
		}
	}
}

// save replaces the file at once: after a crash it holds the old or the new positions.
func save(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// read prints the articles after the entry ids in last, and advances them.
func read(ctx context.Context, client *redis.Client, streams []string, last map[string]string) error {
	arguments := append([]string{}, streams...)
	for _, stream := range streams {
		arguments = append(arguments, last[stream])
	}
	replies, err := client.XRead(ctx, &redis.XReadArgs{Streams: arguments, Count: 100, Block: time.Second}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for _, reply := range replies {
		for _, entry := range reply.Messages {
			var article struct {
				ID       string `json:"id"`
				Revision int    `json:"revision"`
				Title    string `json:"title"`
			}
			value, _ := entry.Values["v"].(string)
			if err := json.Unmarshal([]byte(value), &article); err != nil {
				log.Printf("message unreadable: %s %s (%v)", reply.Stream, entry.ID, err)
			} else {
				fmt.Printf("%s %d %s\n", article.ID, article.Revision, article.Title)
			}
			last[reply.Stream] = entry.ID
		}
	}
	return nil
}
