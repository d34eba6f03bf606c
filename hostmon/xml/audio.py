"""Where a guest's sound goes on the host."""

from hostmon.xml.element import INT, YES_NO, Child, Element, Value


class AudioStream(Element):
    """One direction; the backend's type tells which of the fields apply. Lengths are in µs."""

    tag = "input"
    mixing_engine = Value("@mixingEngine", YES_NO)
    fixed_settings = Value("@fixedSettings", YES_NO)
    voices = Value("@voices", INT)
    buffer_length = Value("@bufferLength", INT)
    buffer_count = Value("@bufferCount", INT)
    dev = Value("@dev")
    try_poll = Value("@tryPoll", YES_NO)
    name = Value("@name")
    server_name = Value("@serverName")
    client_name = Value("@clientName")
    connect_ports = Value("@connectPorts")
    exact_name = Value("@exactName", YES_NO)
    stream_name = Value("@streamName")
    latency = Value("@latency", INT)
    frequency = Value("settings/@frequency", INT)
    channels = Value("settings/@channels", INT)
    format = Value("settings/@format")


class Audio(Element):
    """A sound backend; known by its id."""

    tag = "audio"
    key = ("id",)
    id = Value("@id", INT)
    type = Value("@type")
    timer_period = Value("@timerPeriod", INT)
    try_mmap = Value("@tryMMap", YES_NO)
    exclusive = Value("@exclusive", YES_NO)
    dsp_policy = Value("@dspPolicy", INT)
    server_name = Value("@serverName")
    runtime_dir = Value("@runtimeDir")
    driver = Value("@driver")
    path = Value("@path")
    input = Child("input", AudioStream)
    output = Child("output", AudioStream)
