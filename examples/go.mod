module github.com/commercesync/commerce/examples

go 1.26.0

require (
	github.com/commercesync/commerce v0.0.0
	github.com/jackc/pgx/v5 v5.12.0
	github.com/schollz/progressbar/v3 v3.19.1
	modernc.org/sqlite v1.50.1
)

replace github.com/commercesync/commerce => ..
