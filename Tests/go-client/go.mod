module keswick/go-client

go 1.19
