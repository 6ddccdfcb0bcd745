module serin.test/testserver

go 1.24
