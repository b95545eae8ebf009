/// Examples of what is said of buffer pools, as the tests see the service give them.
enum MPoolExamples {
    static let pinName: JSONValue = "p_0197b2f05c1e7a1080000c4a2f9b6d11"

    static let pool: JSONValue = [
        "name": "demo", "state": "open", "cachesize": 131_072, "mmapsize": 10_485_760,
        "mode": "0640", "private": false, "nommap": false, "logging": false, "journal": nil,
        "max_pinned_pct": 80, "policy": "lru", "max_write": ["writes": 0, "sleep_us": 0],
        "pages": 3, "dirty_pages": 1, "files": 1, "pins": 0,
    ]

    static let list: JSONValue = [
        "mpools": [["name": "demo", "state": "open"]], "next_page_token": nil,
    ]

    static let closed: JSONValue = ["pins_dropped": 0, "dirty_pages_dropped": 2]

    static let fileOptions: JSONValue = ["path": "f.db", "pagesize": 4096, "create": true]

    static let file: JSONValue = [
        "file": "f", "path": "f.db", "private": false, "ftype": 0, "pagesize": 4096,
        "lsn_offset": -1, "rdonly": false, "nommap": false, "oddsize": false,
        "priority": "default", "inmemory": false, "readahead": 0,
        "maxpages": 0,
        "clear_len": nil, "pgcookie": nil, "uid": nil,
        "stat": [
            "file_name": "f.db", "st_pagesize": 4096, "st_cache_hit": 1, "st_cache_miss": 2,
            "st_map": 0, "st_page_create": 0, "st_page_in": 2, "st_page_out": 0,
        ],
    ]

    static let stat: JSONValue = [
        "global": [
            "st_cachesize": 131_072, "st_cache_hit": 1, "st_cache_miss": 2, "st_map": 0,
            "st_page_create": 0, "st_page_in": 2, "st_page_out": 0, "st_ro_evict": 0,
            "st_rw_evict": 0, "st_hash_buckets": 128, "st_hash_searches": 3,
            "st_hash_longest": 1, "st_hash_examined": 1, "st_page_clean": 2, "st_page_dirty": 0,
            "st_pages": 2, "st_page_trickle": 0, "st_region_wait": 0, "st_region_nowait": 9,
        ],
        "files": [
            [
                "file_name": "f.db", "st_pagesize": 4096, "st_cache_hit": 1, "st_cache_miss": 2,
                "st_map": 0, "st_page_create": 0, "st_page_in": 2, "st_page_out": 0,
            ]
        ],
    ]

    static let type: JSONValue = [
        "ftype": 1, "pgin": "crc32c", "pgout": "crc32c", "pgin_calls": 2, "pgout_calls": 1,
    ]

    static let granted: JSONValue = [
        "pin": pinName, "pgno": 7, "mode": "write", "page": ["b64": "AAAA"],
        "etag": "\"c-8a9136aa\"", "expires_at": "2026-01-01T12:00:30.000Z",
    ]

    static let pin: JSONValue = [
        "pin": pinName, "file": "f", "pgno": 7, "mode": "write", "dirty": false,
        "since": "2026-01-01T12:00:00.000Z", "expires_at": "2026-01-01T12:00:30.000Z",
    ]

    static let fput: JSONValue = [
        "pin": pinName, "flags": ["dirty"], "patches": [["at": 16, "b64": "AQI="]],
    ]

    static let used: JSONValue = ["pin": pinName, "pgno": 7, "dirty": true]

    static let patches: JSONValue = ["patches": [["at": 16, "b64": "AQI="]]]

    static let batch: JSONValue = [
        "ops": [
            ["op": "fget", "file": "f", "pgno": 7, "flags": ["create"], "as": "a"],
            [
                "op": "fput", "file": "f", "pin": "$a", "flags": ["dirty"],
                "patches": [["at": 0, "b64": "AQI="]],
            ], ["op": "fsync", "file": "f"],
        ], "stop": true,
    ]

    static let batchResults: JSONValue = [
        "results": [
            granted.with("status", 200), used.with("status", 200),
            ["complete": true, "status": 200],
        ]
    ]
}
