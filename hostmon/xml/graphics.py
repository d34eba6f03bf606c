"""How a guest's screen is shown: VNC, SPICE, SDL, RDP, D-Bus, headless."""

from hostmon.xml.element import INT, ON_OFF, YES_NO, Children, Element, Value


class Listen(Element):
    """Where the server listens."""

    tag = "listen"
    type = Value("@type")
    address = Value("@address")
    network = Value("@network")
    socket = Value("@socket")


class GraphicsChannel(Element):
    """Whether one of SPICE's channels is encrypted."""

    tag = "channel"
    key = ("name",)
    name = Value("@name")
    mode = Value("@mode")


class Graphics(Element):
    """A screen's server."""

    tag = "graphics"
    key = ("type",)
    type = Value("@type")
    port = Value("@port", INT)
    tls_port = Value("@tlsPort", INT)
    autoport = Value("@autoport", YES_NO)
    websocket = Value("@websocket", INT)
    listen = Value("@listen")
    socket = Value("@socket")
    keymap = Value("@keymap")
    password = Value("@passwd")
    password_valid_to = Value("@passwdValidTo")
    connected = Value("@connected")
    share_policy = Value("@sharePolicy")
    power_control = Value("@powerControl", YES_NO)
    default_mode = Value("@defaultMode")
    display = Value("@display")
    xauth = Value("@xauth")
    fullscreen = Value("@fullscreen", YES_NO)
    multi_user = Value("@multiUser", YES_NO)
    replace_user = Value("@replaceUser", YES_NO)
    username = Value("@username")
    address = Value("@address")
    p2p = Value("@p2p", YES_NO)
    listens = Children("listen", Listen)
    channels = Children("channel", GraphicsChannel)
    image_compression = Value("image/@compression")
    jpeg_compression = Value("jpeg/@compression")
    zlib_compression = Value("zlib/@compression")
    playback_compression = Value("playback/@compression", ON_OFF)
    streaming_mode = Value("streaming/@mode")
    clipboard_copypaste = Value("clipboard/@copypaste", YES_NO)
    mouse_mode = Value("mouse/@mode")
    filetransfer = Value("filetransfer/@enable", YES_NO)
    gl = Value("gl/@enable", YES_NO)
    gl_rendernode = Value("gl/@rendernode")
    audio = Value("audio/@id", INT)
