#!/usr/bin/env escript
%% Times the original as LogBench times ours: logs.escript FOLDER SIZE COUNT.
-mode(compile).

main([Folder, SizeText, CountText]) ->
    Size = list_to_integer(SizeText),
    Count = list_to_integer(CountText),
    Record = {12345, binary:copy(<<"p">>, Size - 14)},
    File = filename:join(Folder, "bench.LOG"),
    time(File, "log", Count, fun() ->
        repeat(Count, fun() -> ok = disk_log:log(l, Record) end) end),
    Hundred = lists:duplicate(100, Record),
    time(File, "log_terms of 100", Count, fun() ->
        repeat(Count div 100, fun() -> ok = disk_log:log_terms(l, Hundred) end) end),
    time(File, "log and sync, 16 writers", Count div 20, fun() ->
        sixteen(fun() -> repeat(Count div 320, fun() ->
            ok = disk_log:log(l, Record), ok = disk_log:sync(l) end) end) end),
    read(File, "bchunk", fun disk_log:bchunk/2, Hundred, Count),
    read(File, "chunk", fun disk_log:chunk/2, Hundred, Count),
    read(File, "chunk, trees", fun disk_log:chunk/2, Hundred, Count),
    repair(File, Record, Hundred).

open(File) -> disk_log:open([{name, l}, {file, File}, {quiet, true}]).

remove(File) -> disk_log:close(l), file:delete(File).

repeat(0, _) -> ok;
repeat(N, Body) -> Body(), repeat(N - 1, Body).

seconds(Body) ->
    {Time, _} = timer:tc(Body),
    Time / 1.0e6.

%% The best of five counts.
time(File, Name, Records, Body) ->
    Time = lists:min([once(File, Body) || _ <- lists:seq(1, 5)]),
    io:format("~s\t~b\trecords/s~n", [Name, trunc(Records / Time)]).

once(File, Body) ->
    {ok, l} = open(File),
    Time = seconds(Body),
    remove(File),
    Time.

sixteen(Body) ->
    Me = self(),
    Pids = [spawn(fun() -> Body(), Me ! {done, self()} end) || _ <- lists:seq(1, 16)],
    [receive {done, Pid} -> ok end || Pid <- Pids].

read(File, Name, Chunk, Hundred, Count) ->
    {ok, l} = open(File),
    repeat(Count div 100, fun() -> ok = disk_log:log_terms(l, Hundred) end),
    disk_log:sync(l),
    Bytes = filelib:file_size(File),
    Time = lists:min([seconds(fun() -> all(Chunk, start) end) || _ <- lists:seq(1, 5)]),
    io:format("~s\t~b\tMB/s~n", [Name, trunc(Bytes / Time / 1.0e6)]),
    remove(File).

all(Chunk, C) ->
    case Chunk(l, C) of
        eof -> ok;
        {C2, _} -> all(Chunk, C2)
    end.

repair(File, Record, Hundred) ->
    {ok, l} = open(File),
    Size = byte_size(term_to_binary(Record)) + 8,
    repeat(200000000 div Size div 100, fun() -> ok = disk_log:log_terms(l, Hundred) end),
    disk_log:close(l),
    {ok, Fd} = file:open(File, [raw, read, write]),
    ok = file:pwrite(Fd, 4, <<6, 7, 8, 9>>),
    file:close(Fd),
    Time = seconds(fun() -> {repaired, l, _, _} = open(File) end),
    io:format("open an unclosed log of 200 MB\t~f\ts~n", [Time]),
    remove(File).
