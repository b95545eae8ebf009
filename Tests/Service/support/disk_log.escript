#!/usr/bin/env escript
%% Real disk_log, driven line by line.
%%
%% Each line of input is an Erlang term and a full stop: {Dir, Operation}. Each line of output is one
%% JSON object. The log is named l; its file is Dir/log unless an option says otherwise.
-mode(compile).

main(_) ->
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    io:setopts([{encoding, latin1}, binary]),
    loop().

loop() ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            {ok, Tokens, _} = erl_scan:string(binary_to_list(Line)),
            {ok, {Dir, Operation}} = erl_parse:parse_term(Tokens),
            io:put_chars([answer(catch run(Dir, Operation)), $\n]),
            loop()
    end.

answer({json, Text}) -> Text;
answer(Result) -> ["{\"result\":", text(Result), "}"].

base(Dir) -> filename:join(Dir, "log").

run(_, {as, Name, {change_notify_of, Owner, Notify}}) ->
    Pid = worker(Owner),
    ask(worker(Name), fun() -> disk_log:change_notify(l, Pid, Notify) end);
run(Dir, {as, Name, Operation}) ->
    ask(worker(Name), fun() -> run(Dir, Operation) end);
run(Dir, {done_by, Name, Operation}) ->
    Pid = worker(Name),
    Pid ! {run, fun() -> run(Dir, Operation) end},
    receive {answer, Pid, Answer} -> Answer after 5000 -> still_queued end;
run(_, {answer_to, Name}) ->
    Pid = worker(Name),
    receive {answer, Pid, Answer} -> Answer after 5000 -> still_queued end;
run(_, stop_workers) ->
    [begin
         exit(Pid, kill),
         receive {'EXIT', Pid, _} -> ok after 5000 -> ok end,
         erase({worker, Name})
     end || {{worker, Name}, Pid} <- get()],
    (fun Drop() -> receive {answer, _, _} -> Drop() after 0 -> ok end end)(),
    %% The log has seen their ends when it answers.
    disk_log:info(l),
    ok;
run(Dir, {open, Options}) ->
    disk_log:open([{name, l}, {file, base(Dir)}, {quiet, true}, {notify, true} | Options]);
run(Dir, {reopen, Suffix}) -> disk_log:reopen(l, base(Dir) ++ Suffix);
run(Dir, {reopen, Suffix, Head}) -> disk_log:reopen(l, base(Dir) ++ Suffix, Head);
run(_, kill) ->
    disk_log:sync(l),
    [begin
         exit(Pid, kill),
         receive {'EXIT', Pid, _} -> ok after 1000 -> ok end,
         gone(100)
     end || {l, Pid} <- ets:tab2list(disk_log_names)],
    notes(),
    ok;
run(_, items) -> {json, ["{\"chunks\":[", lists:join($,, items(start, infinity, 1000)), "]}"]};
run(_, {items, N}) -> {json, ["{\"chunks\":[", lists:join($,, items(start, N, 100000)), "]}"]};
run(_, info) ->
    case disk_log:info(l) of
        {error, _} = Error -> Error;
        Info -> {json, ["{\"info\":{", lists:join($,, [pair(K, V) || {K, V} <- Info, known(K)]), "}}"]}
    end;
run(_, {step, C, K}) ->
    case disk_log:chunk_step(l, skip(C, start), K) of
        {ok, C2} ->
            case disk_log:bchunk(l, C2, 1) of
                {_, [Item]} -> base64:encode(Item);
                {_, [Item], 0} -> base64:encode(Item);
                Other -> Other
            end;
        Error -> Error
    end;
run(_, block_status) ->
    {status, Status} = lists:keyfind(status, 1, disk_log:info(l)),
    Status;
run(_, flush) ->
    disk_log:info(l),
    {json, ["{\"notes\":[", lists:join($,, [text(N) || N <- notes()]), "]}"]};
run(_, Operation) when is_atom(Operation) -> apply(disk_log, Operation, [l]);
run(_, Operation) ->
    [Function | Arguments] = tuple_to_list(Operation),
    apply(disk_log, Function, [l | Arguments]).

%% The continuation behind so many items.
skip(0, C) -> C;
skip(N, C) ->
    case disk_log:bchunk(l, C, 1) of
        eof -> C;
        Chunk -> skip(N - 1, element(1, Chunk))
    end.

%% Processes besides this one.
worker(Name) ->
    case get({worker, Name}) of
        undefined ->
            Me = self(),
            Pid = spawn_link(fun() -> work(Me) end),
            put({worker, Name}, Pid),
            Pid;
        Pid -> Pid
    end.

work(Main) ->
    receive {run, Body} -> Main ! {answer, self(), catch Body()} end,
    work(Main).

%% The answer; queued if the log keeps the request: it has answered another one, and the worker
%% waits still.
ask(Pid, Body) ->
    Pid ! {run, Body},
    settle(Pid, false),
    receive {answer, Pid, Answer} -> Answer after 0 -> queued end.

settle(Pid, IsAsked) ->
    {messages, Messages} = process_info(self(), messages),
    HasAnswered = lists:any(fun(M) -> is_tuple(M) andalso element(1, M) =:= answer end, Messages),
    Worker = process_info(Pid, [status, current_function, message_queue_len]),
    case {HasAnswered, Worker, IsAsked} of
        {true, _, _} -> ok;
        {_, [{_, waiting}, {_, {disk_log, _, _}}, {_, 0}], true} -> ok;
        {_, [{_, waiting}, {_, {disk_log, _, _}}, _], false} -> disk_log:info(l), settle(Pid, true);
        _ -> erlang:yield(), settle(Pid, IsAsked)
    end.

gone(0) -> ok;
gone(N) ->
    case [P || {l, P} <- ets:tab2list(disk_log_names)] of
        [] -> ok;
        _ -> timer:sleep(5), gone(N - 1)
    end.

items(_, _, 0) -> ["\"endless\""];
items(C, N, Left) ->
    Me = self(),
    %% Some damage makes the log process read without end.
    Guard = spawn(fun() ->
        receive stop -> ok
        after 2000 -> Me ! hangs, [exit(P, kill) || {l, P} <- ets:tab2list(disk_log_names)]
        end
    end),
    Result = (catch disk_log:bchunk(l, C, N)),
    Guard ! stop,
    case receive hangs -> hangs after 0 -> Result end of
        {C2, Items} when is_list(Items) -> [chunk(Items, 0) | items(C2, N, Left - 1)];
        {C2, Items, Bad} when is_list(Items) -> [chunk(Items, Bad) | items(C2, N, Left - 1)];
        Other -> [text(Other)]
    end.

chunk(Items, Bad) ->
    ["{\"items\":[", lists:join($,, [[$", base64:encode(I), $"] || I <- Items]), "],\"bad\":",
     integer_to_list(Bad), "}"].

known(K) ->
    lists:member(K, [type, format, size, items, users, mode, full, no_written_items,
                     no_current_bytes, no_current_items, no_items, current_file, no_overflows]).

pair(K, V) -> [$", atom_to_list(K), "\":", text(V)].

notes() ->
    receive
        {disk_log, _, l, {Tag, Items}} when is_list(Items) ->
            [{Tag, [base64:encode(Item) || Item <- Items]} | notes()];
        {disk_log, _, l, Note} -> [Note | notes()];
        {'EXIT', _, _} -> notes()
    after 20 -> []
    end.

%% The text of a term as a JSON string; of file names the last part.
text(Term) ->
    Text = unicode:characters_to_binary(io_lib:format("~0tp", [scrub(Term)])),
    [$", [escape(C) || C <- unicode:characters_to_list(Text)], $"].

escape($") -> "\\\"";
escape($\\) -> "\\\\";
escape(C) when C < 32; C > 126 -> io_lib:format("\\u~4.16.0b", [C]);
escape(C) -> C.

scrub(T) when is_tuple(T) -> list_to_tuple([scrub(X) || X <- tuple_to_list(T)]);
scrub([$/ | _] = S) -> filename:basename(S);
scrub([H | T]) -> [scrub(H) | scrub(T)];
scrub(P) when is_pid(P) -> pid;
scrub(X) -> X.
